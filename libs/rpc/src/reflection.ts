// Server reflection v1 and v1alpha, so that grpcurl and its kin need no .proto files. Both versions share one shape.
import { type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { file_google_rpc_error_details } from "@chimera/contracts/google-rpc";
import { ServerReflection } from "@chimera/contracts/reflection-v1";
import { ServerReflection as ServerReflectionAlpha } from "@chimera/contracts/reflection-v1alpha";
import { Code, type ConnectRouter } from "@connectrpc/connect";

/** What both versions have in common. */
interface Question {
  host: string;
  messageRequest:
    | { case: "listServices" | "fileByFilename" | "fileContainingSymbol" | "allExtensionNumbersOfType"; value: string }
    | { case: "fileContainingExtension"; value: object }
    | { case: undefined; value?: undefined };
}

export function reflectionRoutes(router: ConnectRouter, services: readonly DescService[]): void {
  const catalogue = new Catalogue([...services, ServerReflection, ServerReflectionAlpha]);
  async function* answer(requests: AsyncIterable<Question>) {
    for await (const { host, messageRequest } of requests) {
      yield { validHost: host, messageResponse: catalogue.answer(messageRequest) };
    }
  }
  router.service(ServerReflection, { serverReflectionInfo: answer });
  router.service(ServerReflectionAlpha, { serverReflectionInfo: answer });
}

class Catalogue {
  readonly #services: readonly DescService[];
  readonly #files = new Map<string, DescFile>();
  readonly #symbols = new Map<string, DescFile>();

  constructor(services: readonly DescService[]) {
    this.#services = services;
    for (const service of services) this.#add(service.file);
    // No service imports it, yet clients that show an error want to know its details' types.
    this.#add(file_google_rpc_error_details);
  }

  answer(question: Question["messageRequest"]) {
    switch (question.case) {
      case "listServices":
        return {
          case: "listServicesResponse" as const,
          value: { service: this.#services.map(({ typeName }) => ({ name: typeName })) },
        };
      case "fileByFilename":
        return this.#file(this.#files.get(question.value), question.value);
      case "fileContainingSymbol":
        return this.#file(this.#symbols.get(question.value), question.value);
      case "fileContainingExtension":
      case "allExtensionNumbersOfType":
        return notFound("no extensions are defined here");
      default:
        return {
          case: "errorResponse" as const,
          value: { errorCode: Code.InvalidArgument, errorMessage: "message_request: set one of its fields" },
        };
    }
  }

  #file(file: DescFile | undefined, asked: string) {
    if (!file) return notFound(`"${asked}" is not known here`);
    const fileDescriptorProto = withImports(file).map((each) => toBinary(FileDescriptorProtoSchema, each.proto));
    return { case: "fileDescriptorResponse" as const, value: { fileDescriptorProto } };
  }

  #add(file: DescFile): void {
    const path = file.proto.name;
    if (this.#files.has(path)) return;
    this.#files.set(path, file);
    for (const service of file.services) {
      this.#symbols.set(service.typeName, file);
      for (const method of service.methods) this.#symbols.set(`${service.typeName}.${method.name}`, file);
    }
    const types = [...file.messages, ...file.enums];
    for (const type of types) {
      this.#symbols.set(type.typeName, file);
      if (type.kind === "message") types.push(...type.nestedMessages, ...type.nestedEnums);
    }
    for (const dependency of file.dependencies) this.#add(dependency);
  }
}

function withImports(file: DescFile, seen = new Set<DescFile>()): DescFile[] {
  if (seen.has(file)) return [];
  seen.add(file);
  return [file, ...file.dependencies.flatMap((dependency) => withImports(dependency, seen))];
}

function notFound(errorMessage: string) {
  return { case: "errorResponse" as const, value: { errorCode: Code.NotFound, errorMessage } };
}
