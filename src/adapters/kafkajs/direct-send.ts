import type { Connection, ProtocolRequest } from "./client-types.ts";
import type { Throttled } from "./flexible.ts";

/** Size, API key, API version, correlation id, length of the client's name. */
const headBytes = 14;

/**
 * Sends a request on a connection and gives its decoded answer.
 *
 * A request with a `body` goes out as several buffers in one write: kafkajs would copy the batch three times on its way to
 * the socket, each time into a zeroed buffer of the next power of two, which cost as much as building it did. All else
 * stays kafkajs's: correlation, time limits, throttling, and what happens when the connection ends.
 */
export async function sendOn(connection: Connection, protocol: ProtocolRequest): Promise<unknown> {
  const { request, response, requestTimeout = null } = protocol;
  const { apiKey, apiName, apiVersion, body } = request;
  if (body === undefined) return connection.send(protocol);
  if (!connection.isAuthenticated()) await connection.authenticate();
  connection.failIfNotConnected();
  const { buffer } = await request.encode();
  const correlationId = connection.nextCorrelationId();
  const bodyBytes = body.reduce((sum, { length }) => sum + length, 0);
  const head = headOf(connection.clientId, apiKey, apiVersion, correlationId, buffer, bodyBytes);
  const { payload } = await new Promise<{ payload: Buffer }>((resolve, reject) => {
    connection.failIfNotConnected();
    connection.requestQueue.push({
      entry: { apiKey, apiName, apiVersion, correlationId, resolve, reject },
      expectResponse: true,
      requestTimeout,
      sendRequest: () => {
        const { socket } = connection;
        socket?.cork();
        socket?.write(head);
        for (const bytes of body) socket?.write(bytes);
        socket?.uncork();
      },
    });
  });
  const decoded = await response.decode(payload);
  connection.requestQueue.maybeThrottle((decoded as Partial<Throttled>).clientSideThrottleTime ?? 0);
  return response.parse(decoded);
}

/** Everything before the body, behind the size of the whole request. */
function headOf(
  clientId: string,
  apiKey: number,
  apiVersion: number,
  correlationId: number,
  encoded: Buffer,
  bodyBytes: number,
): Buffer {
  const name = Buffer.from(clientId);
  const head = Buffer.allocUnsafe(headBytes + name.length + encoded.length);
  let at = head.writeInt32BE(head.length - 4 + bodyBytes, 0);
  at = head.writeInt16BE(apiKey, at);
  at = head.writeInt16BE(apiVersion, at);
  at = head.writeInt32BE(correlationId, at);
  at = head.writeInt16BE(name.length, at);
  at += name.copy(head, at);
  encoded.copy(head, at);
  return head;
}
