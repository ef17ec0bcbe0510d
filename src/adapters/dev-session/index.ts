export { connectDevSession } from "./client.ts";
export { type DevSessionServer, serveDevSession } from "./server.ts";
