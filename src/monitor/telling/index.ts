/** What is told beside verdicts, for folders after this one: notifications, tests of them, and commands that were taken. */
export { isTold, type Notification, NotificationPace, type NotifyKind, subjectOf, turnOf } from "./notification.ts";
export { readTakenCommand, type TakenCommand, takenCommandRecord } from "./taken-command.ts";
export {
  readTestAlert,
  readTestAnswer,
  type TestAlert,
  type TestAnswer,
  testAlertRecord,
  testAnswerRecord,
} from "./test-alert.ts";
