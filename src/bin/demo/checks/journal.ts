/** What is wrong with a journal of deploy/demo.yaml: lines are numbered from 1 without a gap, all by one pod on one node. Empty when nothing is. */
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
