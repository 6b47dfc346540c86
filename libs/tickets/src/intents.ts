// The two labels of a ticket.

export const INTENTS = ["billing", "refund", "login", "outage", "shipping", "cancel", "bug", "feature"] as const;
export type Intent = (typeof INTENTS)[number];

// From least to most urgent; label noise moves a priority by one step in this order.
export const PRIORITIES = ["low", "normal", "high"] as const;
export type Priority = (typeof PRIORITIES)[number];
