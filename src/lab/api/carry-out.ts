// Carries out one request: finds the handler for its verb and object. Entirely synchronous.
import type { TokenRequest } from "kubernetes-types/authentication/v1.js";
import type { Binding } from "kubernetes-types/core/v1.js";
import type { LabObject } from "../store/object.ts";
import { askedOptions, decodeAs } from "./writes/body.ts";
import { deleteObject, deleteOptionsOf } from "./writes/delete.ts";
import { discover } from "./kubectl/discovery.ts";
import { methodNotAllowed, notFound } from "./errors/failure.ts";
import { listObjects } from "./select/list.ts";
import { patchObject } from "./writes/patch.ts";
import { eventPresenter, formOf, presentList, presentObject } from "./present.ts";
import type { LabAnswer, LabRequest } from "./request.ts";
import { answerReview } from "./admission/reviews.ts";
import type { ObjectRoute, Route } from "./route.ts";
import { selectionOf } from "./select/select.ts";
import { keyOf, type State, type Target } from "./state.ts";
import { bindPod } from "./subresources/binding.ts";
import { evictPod, readEviction } from "./subresources/eviction.ts";
import { patchScale, readScale, replaceScale } from "./subresources/scale.ts";
import { requestToken } from "./subresources/token.ts";
import type { Tokens } from "./admission/tokens.ts";
import { openWatch, type Watch } from "./watch.ts";
import { createObject, replaceObject, type Endpoint, type WriteOptions, type Written } from "./writes/write.ts";

/** The log of a container. `query` is that of the request: container, tailLines … */
export type PodLogs = (pod: { namespace: string; name: string }, query: Readonly<Record<string, string>>) => string;

export interface Deps {
  readonly state: State;
  readonly tokens: Tokens;
  readonly strict: boolean;
  readonly bookmarkEveryMs: number;
  readonly podLogs: PodLogs;
  readonly opened: (watch: Watch) => void;
  readonly ended: (watch: Watch) => void;
}

/** Throws a Failure. */
export function carryOut(deps: Deps, request: LabRequest, route: Route): LabAnswer {
  switch (route.is) {
    case "other":
      return discover(request);
    case "review": {
      const { row, namespace } = route;
      const { fieldValidation } = writeOptions(request);
      const { value } = decodeAs(row.type, row, request.body, fieldValidation);
      return { code: 201, body: answerReview(deps, row, value, request.user, namespace) };
    }
    case "objects":
      return route.subresource === "" || isEndpoint(route.subresource)
        ? onObject(deps, request, route)
        : onSubresource(deps, request, route);
    default:
      return route satisfies never;
  }
}

function isEndpoint(subresource: string): subresource is Endpoint {
  return subresource === "status" || subresource === "finalize";
}

function onObject(deps: Deps, request: LabRequest, route: ObjectRoute): LabAnswer {
  const { state } = deps;
  const { target, subresource } = route;
  const endpoint: Endpoint = isEndpoint(subresource) ? subresource : "main";
  switch (route.verb) {
    case "get": {
      const object = state.store.read(target.row.collection, keyOf(target));
      if (object === undefined) throw notFound(target.row, target.name);
      return answered(deps, request, target, 200, object);
    }
    case "list": {
      const form = formOf(request.accept, "list");
      const listed = listObjects(state, target, request.query);
      return {
        code: 200,
        body: presentList(target.row, listed, form, state.clock.now(), request.query["includeObject"]),
      };
    }
    case "watch":
      return watched(deps, request, target);
    case "create":
      if (target.name !== "") throw methodNotAllowed();
      return written(deps, request, target, createObject(state, target, request.body, writeOptions(request)));
    case "update":
      return written(
        deps,
        request,
        target,
        replaceObject(state, target, request.body, endpoint, writeOptions(request)),
      );
    case "patch": {
      const options = writeOptions(request);
      return written(
        deps,
        request,
        target,
        patchObject(state, target, request.body, request.contentType, endpoint, options),
      );
    }
    case "delete":
      if (endpoint !== "main") throw methodNotAllowed();
      return deleted(deps, request, target);
    case "deletecollection":
      return collectionDeleted(deps, request, target);
    default:
      return route.verb satisfies never;
  }
}

function onSubresource(deps: Deps, request: LabRequest, { verb, target, subresource }: ObjectRoute): LabAnswer {
  const { state, tokens } = deps;
  const { namespace = "", name } = target;
  const options = writeOptions(request);
  switch (`${verb} ${subresource}`) {
    case "get scale":
      return { code: 200, body: readScale(state, target) };
    case "update scale":
      return { code: 200, body: replaceScale(state, target, request.body, options) };
    case "patch scale":
      return { code: 200, body: patchScale(state, target, request.body, request.contentType, options) };
    case "create binding": {
      const kind = { group: "", version: "v1", kind: "Binding" };
      const { value } = decodeAs("core.v1.Binding", kind, request.body, options.fieldValidation);
      bindPod(state, target, value as unknown as Binding, options.dryRun);
      return { code: 201, body: success(201) };
    }
    case "create eviction":
      evictPod(state, target, readEviction(request.body, name, options.fieldValidation), options.dryRun);
      return { code: 201, body: success(201) };
    case "create token": {
      const kind = { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" };
      const { value } = decodeAs("authentication.v1.TokenRequest", kind, request.body, options.fieldValidation);
      return { code: 201, body: requestToken(state, tokens, target, value as unknown as TokenRequest) };
    }
    case "get log":
      if (state.store.read(target.row.collection, keyOf(target)) === undefined) throw notFound(target.row, name);
      return { code: 200, body: deps.podLogs({ namespace, name }, request.query), contentType: "text/plain" };
    default:
      throw methodNotAllowed();
  }
}

function watched(deps: Deps, request: LabRequest, target: Target): LabAnswer {
  const { state } = deps;
  const { query, signal, user } = request;
  const form = formOf(request.accept, "object");
  const present = eventPresenter(target.row, form, () => state.clock.now(), query["includeObject"] ?? "Metadata");
  const { bookmarkEveryMs, ended } = deps;
  const watch = openWatch(state, target, { user, bookmarkEveryMs, query, present, signal, ended });
  if (watch.live) deps.opened(watch);
  return { code: 200, stream: watch };
}

function written(deps: Deps, request: LabRequest, target: Target, result: Written): LabAnswer {
  const answer = answered(deps, request, target, result.created ? 201 : 200, result.object);
  return { ...answer, warnings: result.warnings };
}

function answered(
  deps: Deps,
  request: LabRequest,
  { row }: Target,
  code: number,
  object: LabObject,
): LabAnswer & { body: unknown } {
  const form = formOf(request.accept, "object");
  return { code, body: presentObject(row, object, form, deps.state.clock.now(), request.query["includeObject"]) };
}

function deleted(deps: Deps, request: LabRequest, target: Target): LabAnswer {
  const { row, name } = target;
  const options = deleteOptionsOf(request.body, request.query);
  const { object, gone } = deleteObject(deps.state, target, options);
  if (gone && !row.returnsDeleted) {
    const { uid } = object.metadata;
    const details = { name, ...(row.group === "" ? {} : { group: row.group }), kind: row.plural, uid };
    return { code: 200, body: { ...success(undefined), details } };
  }
  // Upstream: 202 only if the client asked for the dependents to go with the old field.
  const code = !gone && options.orphanDependents === false ? 202 : 200;
  return answered(deps, request, target, code, object);
}

function collectionDeleted(deps: Deps, request: LabRequest, target: Target): LabAnswer {
  const { state } = deps;
  const { row } = target;
  const options = deleteOptionsOf(request.body, request.query);
  const selection = selectionOf(row, request.query);
  if (row.namespaced && target.namespace === undefined) throw methodNotAllowed();
  const { items } = listObjects(state, target, {});
  const chosen = items.filter((object) => selection?.(object) ?? true);
  for (const object of chosen) {
    const { name = "", namespace } = object.metadata;
    deleteObject(state, { row, namespace, name }, options);
  }
  const listed = { items: chosen, resourceVersion: String(state.store.version) };
  return { code: 200, body: presentList(row, listed, formOf(request.accept, "list"), state.clock.now()) };
}

/** The kind of a write's options, as error messages name it. */
const OPTIONS: Readonly<Record<string, string>> = {
  POST: "CreateOptions",
  PUT: "UpdateOptions",
  PATCH: "PatchOptions",
};

function writeOptions({ method, query, user }: LabRequest): WriteOptions {
  return { user, ...askedOptions(query, OPTIONS[method] ?? "Options") };
}

function success(code: number | undefined): object {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", ...(code === undefined ? {} : { code }) };
}
