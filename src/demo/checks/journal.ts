/**
 * What is wrong with a journal of deploy/demo.yaml: lines are numbered from 1 without a gap, all by
 * one pod on one node. Empty when nothing is.
 */
export function journalProblems(journal: string, pod: string, node: string): string[] {
  const lines = journal.split("\n");
  const last = lines.pop();
  if (lines.length === 0) return ["it has no line"];
  if (last !== "") return [`its last line is torn: ${JSON.stringify(last)}`];
  for (const [index, line] of lines.entries()) {
    const wanted = `${String(index + 1)} written by ${pod} on ${node}`;
    if (line !== wanted)
      return [`line ${String(index + 1)} is ${JSON.stringify(line)} and not ${JSON.stringify(wanted)}`];
  }
  return [];
}

/** The same of a journal whose pod went from one node to another in between. */
export function movedJournalProblems(journal: string, pod: string, from: string, to: string): string[] {
  const lines = journal.split("\n");
  const first = lines.findIndex((line) => line.endsWith(` on ${to}`));
  if (first === -1) return [`it has no line of ${to}`];
  const before = journalProblems(`${lines.slice(0, first).join("\n")}\n`, pod, from);
  if (before.length > 0) return before;
  // Replace the node's name, so that all lines count as one journal: the numbers must be
  // continuous.
  const asOne = [
    ...lines.slice(0, first).map((line) => line.replace(/ on [^ ]+$/, ` on ${to}`)),
    ...lines.slice(first),
  ];
  return journalProblems(asOne.join("\n"), pod, to);
}
