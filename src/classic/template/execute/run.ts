import type { Bytes } from "../bytes/utf8.ts";
import { sprint, sprintf } from "../fmt/print.ts";
import { MAX_TEMPLATE_DEPTH } from "../limits.ts";
import type { BranchNode, ListNode, Node } from "../parse/nodes.ts";
import type { Templates } from "../parse/parser.ts";
import { quote } from "../strconv/quote.ts";
import { indirect, isTrue, printable, concrete } from "../values/reflection.ts";
import type { GoValue, Maybe } from "../values/values.ts";
import { evaluatePipe } from "./evaluate.ts";
import { type Item, itemsOf } from "./range.ts";
import type { Scope } from "./scope.ts";

/** One list of nodes being worked through. */
interface Frame {
  readonly nodes: readonly Node[];
  dot: Maybe<GoValue>;
  next: number;
  /** What is done when the list is through; true if it starts over. */
  readonly leave: () => boolean;
  readonly isLoop: boolean;
}

/**
 * Runs templates. The stack of lists is held here and not on JavaScript's, because Go lets templates call each other
 * 100,000 deep before it calls that endless.
 */
export class Run {
  readonly #scope: Scope;
  readonly #templates: Templates;
  readonly #frames: Frame[] = [];
  #depth = 0;
  #out = "";

  constructor(scope: Scope, templates: Templates) {
    this.#scope = scope;
    this.#templates = templates;
  }

  all(root: ListNode, data: GoValue): Bytes {
    this.#enter(root, data, () => false);
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
      const node = frame.nodes[frame.next];
      frame.next += 1;
      this.#scope.guard(() => this.#scope.budget.step());
      if (node !== undefined) this.#node(node, frame.dot);
      else if (frame.leave()) frame.next = 0;
      else this.#frames.pop();
    }
    return this.#out;
  }

  #enter(list: ListNode, dot: Maybe<GoValue>, leave: () => boolean, isLoop = false): Frame {
    this.#scope.at(list);
    const frame = { nodes: list.nodes, dot, next: 0, leave, isLoop };
    this.#frames.push(frame);
    return frame;
  }

  #node(node: Node, dot: Maybe<GoValue>): void {
    this.#scope.at(node);
    switch (node.kind) {
      case "text":
        this.#write(node.text);
        return;
      case "action": {
        const value = evaluatePipe(this.#scope, dot, node.pipe);
        if (node.pipe.variables.length > 0) return;
        this.#scope.at(node);
        this.#write(this.#scope.guard(() => sprint([printable(value)], this.#scope.budget)));
        return;
      }
      case "break":
      case "continue":
        this.#leaveLoopBody(node.kind);
        return;
      case "if":
      case "with":
        this.#branch(node, dot);
        return;
      case "range":
        this.#range(node, dot);
        return;
      case "template":
        this.#template(node, dot);
        return;
      case "list":
        this.#enter(node, dot, () => false);
        return;
      default:
        node satisfies never;
    }
  }

  #write(text: Bytes): void {
    this.#scope.guard(() => this.#scope.budget.bytes(text.length));
    this.#out += text;
  }

  #branch(node: BranchNode, dot: Maybe<GoValue>): void {
    const mark = this.#scope.variables.length;
    const value = evaluatePipe(this.#scope, dot, node.pipe);
    const leave = (): boolean => this.#pop(mark);
    if (isTrue(concrete(value))) this.#enter(node.list, node.kind === "with" ? value : dot, leave);
    else if (node.otherwise !== undefined) this.#enter(node.otherwise, dot, leave);
    else leave();
  }

  #pop(mark: number): false {
    this.#scope.variables.length = mark;
    return false;
  }

  #range(node: BranchNode, dot: Maybe<GoValue>): void {
    const outer = this.#scope.variables.length;
    const value = evaluatePipe(this.#scope, dot, node.pipe);
    const over = value === undefined ? undefined : indirect(value).value;
    const mark = this.#scope.variables.length;
    const items = this.#scope.guard(() =>
      itemsOf(over, node.pipe.variables.length, (format) => sprintf(format, [over], this.#scope.budget)),
    );
    const iterator = items[Symbol.iterator]();
    const advance = (): Maybe<GoValue> | "done" => {
      this.#scope.variables.length = mark;
      const item = iterator.next();
      if (item.done === true) return "done";
      this.#setLoopVariables(node, item.value);
      return item.value.element;
    };
    const first = advance();
    if (first === "done") {
      if (node.otherwise === undefined) this.#pop(outer);
      else this.#enter(node.otherwise, dot, () => this.#pop(outer));
      return;
    }
    const startsOver = (): boolean => {
      const element = advance();
      if (element === "done") return this.#pop(outer);
      frame.dot = element;
      this.#scope.at(node.list);
      return true;
    };
    const frame = this.#enter(node.list, first, startsOver, true);
    this.#loopMarks.set(frame, outer);
  }

  /** Where the variables stood before a loop, for break. */
  readonly #loopMarks = new WeakMap<Frame, number>();

  #setLoopVariables({ pipe }: BranchNode, { index, element }: Item): void {
    const [first, second] = pipe.variables;
    if (first === undefined) return;
    if (pipe.assigns) {
      this.#scope.assign(first.names[0] ?? "", second === undefined ? element : index);
      if (second !== undefined) this.#scope.assign(second.names[0] ?? "", element);
    } else {
      this.#scope.setTop(1, element);
      if (second !== undefined) this.#scope.setTop(2, index);
    }
  }

  /** The parser has seen to it that there is a loop in the same template. */
  #leaveLoopBody(how: "break" | "continue"): void {
    while (this.#frames.at(-1)?.isLoop === false) this.#frames.pop();
    const loop = this.#frames.at(-1);
    if (loop === undefined) return;
    loop.next = loop.nodes.length;
    if (how === "continue") return;
    this.#pop(this.#loopMarks.get(loop) ?? 0);
    this.#frames.pop();
  }

  /** A template sees its own variables only: $ is what it was given. */
  #template(node: Node & { readonly kind: "template" }, dot: Maybe<GoValue>): void {
    const scope = this.#scope;
    const root = this.#templates.get(node.name) ?? scope.fail(`template ${quote(node.name)} not defined`);
    if (this.#depth === MAX_TEMPLATE_DEPTH) scope.fail(`exceeded maximum template depth (${MAX_TEMPLATE_DEPTH})`);
    const data = evaluatePipe(scope, dot, node.pipe);
    const { variables, running } = scope;
    scope.variables = [{ name: "$", value: data }];
    scope.running = node.name;
    this.#depth += 1;
    this.#enter(root, data, () => {
      scope.variables = variables;
      scope.running = running;
      this.#depth -= 1;
      return false;
    });
  }
}
