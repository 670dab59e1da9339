export { recordingLog, type LogLine, type RecordingLog } from "../../observe/testing/recording-log.fixture.ts";
