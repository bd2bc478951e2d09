// Runs before the old client, which takes what it remembers for a sign-in and tells nobody when it forgets it.
(() => {
  const meta = document.querySelector('meta[name="storefront-user"]');
  const forget = Storage.prototype.removeItem;

  const remembered = () => {
    try {
      const user = JSON.parse(localStorage.getItem("user"));
      return user === null ? null : String(user.id);
    } catch {
      return "unreadable";
    }
  };

  // The session is over, or somebody else's by now: what the client remembers would only be refused.
  const user = remembered();
  if (user !== null && user !== meta.content) {
    forget.call(localStorage, "user");
    forget.call(localStorage, "token");
  }

  // The client signs out by forgetting.
  Storage.prototype.removeItem = function removeItem(key) {
    const isSignOut = this === localStorage && key === "user" && this.getItem(key) !== null;
    forget.call(this, key);
    if (isSignOut) {
      fetch("/auth/logout", { method: "POST", keepalive: true });
    }
  };
})();
