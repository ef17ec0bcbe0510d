import { z } from "zod";
import { defaults } from "./defaults.ts";
import { duration, key } from "./values.ts";

const windowsMax = 100;

/** The address is a secret: no message may show it. */
const url = z
  .string()
  .max(2_000, { error: "an address has at most 2000 characters", abort: true })
  .refine((text) => /^https?:\/\/[^\s/?#]+/.test(text) && URL.canParse(text), {
    error: "expected an address that begins with https:// or http://",
  });

const secret = (about: string): string => `${about}; a secret, best given as \`\${VAR}\` or \`\${file:/path}\`.`;

const atUrl = (about: string, example: string) =>
  key(z.strictObject({ url: key(url, secret("Where to send it"), example) }), about, {
    url: example,
  }).optional();

const notifySpec = z
  .strictObject({
    webhook: atUrl("CloudEvents as JSON.", "https://hooks.example.com/millrace"),
    alertmanager: atUrl("Prometheus' Alertmanager, by the root of its address.", "http://alertmanager:9093"),
    slack: atUrl("An incoming webhook of Slack.", "https://hooks.slack.com/services/T/B/X"),
    pagerduty: key(
      z.strictObject({
        key: key(
          z.string().regex(/^[A-Za-z0-9_-]{1,100}$/, { error: "expected an integration key of letters and digits" }),
          secret("Integration key of the service, of the Events API v2"),
          "0123456789abcdef0123456789abcdef",
        ),
        url: key(
          url,
          "Where its events go, where that is not the address of its US region.",
          "https://events.eu.pagerduty.com/v2/enqueue",
        ).optional(),
      }),
      "PagerDuty, of pages alone.",
      { key: "0123456789abcdef0123456789abcdef" },
    ).optional(),
  })
  .refine((entry) => Object.keys(entry).length <= 1, {
    error: "an entry is one who is told: begin each with a hyphen of its own",
    params: { code: "MR_CONFLICT" },
  });

/** Everything under `alerts:`. */
export const alertsSpec = z.strictObject({
  budget: key(
    z.strictObject({
      pages: key(z.int().min(1).max(10_000), "Pages that chance may cause.", 1, defaults.alerts.pages).optional(),
      per: key(duration, "In so much event time.", "30d", defaults.alerts.per).optional(),
    }),
    "How often somebody may be paged while nothing is wrong; thresholds follow from it.",
    { pages: 1, per: "30d" },
  ).optional(),
  fire: key(
    z
      .strictObject({
        windows: key(
          z.int().min(1).max(windowsMax),
          "So many windows with drift.",
          3,
          defaults.alerts.fireWindows,
        ).optional(),
        of: key(
          z.int().min(1).max(windowsMax),
          "Of so many that could be judged.",
          5,
          defaults.alerts.fireOf,
        ).optional(),
      })
      .refine(({ windows = defaults.alerts.fireWindows, of = defaults.alerts.fireOf }) => windows <= of, {
        error: "windows must not exceed of",
      }),
    "When an alert begins.",
    { windows: 3, of: 5 },
  ).optional(),
  clear: key(
    z.strictObject({
      below: key(
        z.number().positive().max(1),
        "Share of the threshold below which a window is clear.",
        0.8,
        defaults.alerts.clearBelow,
      ).optional(),
      windows: key(
        z.int().min(1).max(windowsMax),
        "So many clear windows in a row.",
        3,
        defaults.alerts.clearWindows,
      ).optional(),
    }),
    "When an alert ends.",
    { below: 0.8, windows: 3 },
  ).optional(),
  cooldown: key(
    duration,
    "Event time after the end of an alert in which it begins again without a page.",
    "1h",
    defaults.alerts.cooldown,
  ).optional(),
  ageMax: key(
    z.union([z.literal("none"), duration]),
    "A window that ended longer ago is judged, and nobody is told: a backlog pages no one. `none` tells of windows of any age, for events of long ago.",
    "6h",
    defaults.alerts.ageMax,
  ).optional(),
  perMinute: key(
    z.int().min(1).max(1_000),
    "Notifications a minute; the rest is told in one summary.",
    10,
    defaults.alerts.perMinute,
  ).optional(),
  notify: key(
    z.array(notifySpec).max(20),
    "Whom to tell; each entry is a mapping of one key. Without any, alerts stand on their topic alone.",
    [{ slack: { url: `\${SLACK_URL}` } }],
  ).optional(),
});

export type AlertsEntry = z.infer<typeof alertsSpec>;
