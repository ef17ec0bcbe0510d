import type { ProtocolRequest } from "./client-types.ts";
import { checkCode } from "./errors.ts";
import { FlexibleReader, flexibleRequest, type Throttled } from "./flexible.ts";

/** Levels of the features that a cluster has put into force, by name. */
export type Features = ReadonlyMap<string, number>;

/** Tag of the field in question. */
const finalizedFeatures = 2;

/**
 * Asks which features are in force in the whole cluster. That a broker knows a version of a request does not mean that it
 * may be used: an upgraded cluster keeps its old features until somebody raises them.
 */
export function featuresRequest(): ProtocolRequest {
  const { request, response } = flexibleRequest({
    apiKey: 18,
    apiName: "ApiVersions",
    apiVersion: 3,
    write: (to) => {
      to.string("millrace").string("0").end();
    },
    read: () => undefined,
  });
  // The one answer without tags in its header, and with its throttle time behind the list: old clients must read it.
  return { request, response: { ...response, decode: async (bytes) => decode(new FlexibleReader(bytes)) } };
}

function decode(from: FlexibleReader): Throttled & { readonly answer: Features } {
  checkCode("asking for the features of the cluster", from.int16());
  from.array(() => {
    for (let field = 0; field < 3; field++) from.int16();
    from.end();
  });
  const clientSideThrottleTime = from.int32();
  const levels = new Map<string, number>();
  from.end({
    [finalizedFeatures]: (field) => {
      field.array(() => {
        levels.set(field.string() ?? "", field.int16());
        field.int16();
        field.end();
      });
    },
  });
  return { answer: levels, clientSideThrottleTime };
}
