import { connect, type Connection } from "../cluster/connect.ts";
import { explained } from "../cluster/failures.ts";
import type { MoorEffects } from "./effects.ts";
import type { CommonOptions } from "./options.ts";

/** Connects, works and disconnects. Errors of the API server get one of our codes. */
export async function withCluster<T>(
  effects: MoorEffects,
  options: CommonOptions,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  try {
    const connection = await connect(effects, options);
    try {
      return await work(connection);
    } finally {
      await connection.close();
    }
  } catch (error) {
    throw explained(error);
  }
}
