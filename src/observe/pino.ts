import { pino, type DestinationStream, type Logger } from "pino";
import { CodedError } from "./errors.ts";
import type { Log, LogFields } from "./log.ts";

/**
 * Logs JSON lines with pino, to stderr unless another destination is given (as
 * local-path-provisioner logs).
 */
export function pinoLog(options: { level: "debug" | "info" | "silent"; destination?: DestinationStream }): Log {
  const destination = options.destination ?? pino.destination({ dest: 2, sync: true });
  return wrap(
    pino(
      {
        level: options.level,
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        serializers: { err: describe },
      },
      destination,
    ),
  );
}

/**
 * An error with a code is expected, and its message says everything. Any other error is a bug and
 * is logged with its stack.
 */
function describe(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name: type, message } = error;
  const cause = error.cause === undefined ? {} : { cause: describe(error.cause) };
  if (error instanceof CodedError) return { code: error.code, message, advice: error.advice, ...cause };
  const fields = Object.fromEntries(Object.entries(error).filter(([, value]) => typeof value !== "object"));
  return { ...fields, type, message, ...("code" in error ? {} : { stack: error.stack }), ...cause };
}

function wrap(logger: Logger): Log {
  return {
    debug: (msg, fields) => {
      logger.debug(fields ?? {}, msg);
    },
    info: (msg, fields) => {
      logger.info(fields ?? {}, msg);
    },
    warn: (msg, fields) => {
      logger.warn(fields ?? {}, msg);
    },
    error: (msg, fields) => {
      logger.error(fields ?? {}, msg);
    },
    fatal: (msg, fields) => {
      logger.fatal(fields ?? {}, msg);
    },
    child: (fields: LogFields) => wrap(logger.child(fields)),
  };
}
