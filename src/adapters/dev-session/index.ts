export { connectDevSession } from "./client.ts";
export { type DevSessionServer, serveDevSession } from "./server.ts";
export { refuseSecondSession } from "./session-file.ts";
