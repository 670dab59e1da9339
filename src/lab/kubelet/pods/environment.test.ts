import { expect, test } from "vitest";
import { expand } from "./environment.ts";

// The rules of the kubelet: k8s.io/kubernetes/third_party/forked/golang/expansion.
test.each([
  ["a $(NAME) b", "a value b"],
  ["$(UNKNOWN)", "$(UNKNOWN)"],
  ["$$(NAME)", "$(NAME)"],
  ["$$$(NAME)", "$value"],
  ["a$$b", "a$b"],
  ["$NAME $( $", "$NAME $( $"],
])("%s becomes %s", (text, expanded) => {
  expect(expand(text, { NAME: "value" })).toBe(expanded);
});
