-- The shop makes its six databases itself, storefront_accounts to storefront_payments.
GRANT ALL ON `storefront\_%`.* TO `shop`@`%`;
