/** Opens a data directory. Only root can have put it there. */
export type OpenDirectory = (path: string) => Promise<{
  readonly fd: number;
  /** Takes the directory's lock until it is closed. False: another descriptor has it. */
  lock(): boolean;
  close(): Promise<void>;
}>;
