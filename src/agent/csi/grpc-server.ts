/* Serves protobuf services with @grpc/grpc-js on a unix socket. */
import {
  Server,
  ServerCredentials,
  status,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethod,
  type DescService,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { CsiError } from "../../api/csi.ts";
import { messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";

/** One function per method of the service; it resolves with the answer's fields. */
export type Handlers<S extends DescService> = {
  readonly [K in keyof S["method"]]: S["method"][K] extends { input: infer I; output: infer O }
    ? I extends DescMessage
      ? O extends DescMessage
        ? (request: MessageShape<I>) => MessageInitShape<O> | Promise<MessageInitShape<O>>
        : never
      : never
    : never;
};

/** A service and its handlers. */
export interface Served {
  readonly service: DescService;
  readonly handlers: Readonly<Record<string, (request: never) => unknown>>;
}

/** Combines a service with its handlers, which the compiler checks. */
export function served<S extends DescService>(service: S, handlers: Handlers<S>): Served {
  return { service, handlers };
}

export interface GrpcServer {
  /** Takes no more calls. Resolves when the running calls have ended, or when `end` is aborted. */
  close(end: AbortSignal): Promise<void>;
}

/**
 * Serves on a unix socket at `path`. The caller must have removed an old file at this path.
 * Rejects when it cannot listen. Closing the server removes the socket.
 */
export async function serveGrpc(path: string, services: readonly Served[], log: Log): Promise<GrpcServer> {
  const server = new Server();
  for (const { service, handlers } of services) {
    server.addService(definitionOf(service), implementationOf(service, handlers, log));
  }
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
  return {
    close: (end) =>
      new Promise((resolve) => {
        const force = (): void => {
          server.forceShutdown();
        };
        server.tryShutdown(() => {
          end.removeEventListener("abort", force);
          resolve();
        });
        if (end.aborted) force();
        else end.addEventListener("abort", force, { once: true });
      }),
  };
}

function definitionOf(service: DescService): ServiceDefinition {
  return Object.fromEntries(
    methodsOf(service).map(([key, method]) => [
      key,
      {
        path: `/${service.typeName}/${method.name}`,
        requestStream: false,
        responseStream: false,
        requestSerialize: (message: Message) => Buffer.from(toBinary(method.input, message)),
        requestDeserialize: (bytes: Buffer) => fromBinary(method.input, bytes),
        responseSerialize: (message: Message) => Buffer.from(toBinary(method.output, message)),
        responseDeserialize: (bytes: Buffer) => fromBinary(method.output, bytes),
      },
    ]),
  );
}

function implementationOf(service: DescService, handlers: Served["handlers"], log: Log): UntypedServiceImplementation {
  return Object.fromEntries(
    methodsOf(service).map(([key, method]) => {
      const handle = handlers[key] as ((request: Message) => unknown) | undefined;
      if (handle === undefined) throw new Error(`${service.typeName}.${method.name} has no handler`);
      const call = async ({ request }: ServerUnaryCall<Message, Message>, answer: sendUnaryData<Message>) => {
        try {
          const fields = (await handle(request)) as MessageInitShape<DescMessage>;
          log.debug("gRPC call", { method: method.name });
          answer(null, create(method.output, fields));
        } catch (error) {
          const code = error instanceof CsiError ? error.code : "INTERNAL";
          log[code === "INTERNAL" ? "error" : "info"]("gRPC call refused", { method: method.name, code, err: error });
          answer({ code: status[code], details: messageOf(error) });
        }
      };
      return [key, (...args: Parameters<typeof call>) => void call(...args)];
    }),
  );
}

function methodsOf(service: DescService): [string, DescMethod][] {
  return Object.entries(service.method);
}
