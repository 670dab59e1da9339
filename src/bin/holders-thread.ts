/*
 * The thread of the agent that looks for processes that hold a volume. Not a program to be started
 * by hand.
 */
import { serveHolders } from "../agent/holders/node/thread-side.ts";

serveHolders();
