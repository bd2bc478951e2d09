// Runs before the legacy client, which treats its stored user as a session and sends no request on sign-out.
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

  // The session has ended or belongs to another user: requests with the stored token would be refused.
  const user = remembered();
  if (user !== null && user !== meta.content) {
    forget.call(localStorage, "user");
    forget.call(localStorage, "token");
  }

  // The client signs out by removing its stored user.
  Storage.prototype.removeItem = function removeItem(key) {
    const isSignOut = this === localStorage && key === "user" && this.getItem(key) !== null;
    forget.call(this, key);
    if (isSignOut) {
      fetch("/auth/logout", { method: "POST", keepalive: true });
    }
  };
})();
