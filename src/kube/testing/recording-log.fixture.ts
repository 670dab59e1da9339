export { recordingLog, type RecordingLog } from "../../observe/testing/recording-log.fixture.ts";
