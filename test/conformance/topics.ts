import type { Topic } from "./case.ts";
import { binding } from "./cases/binding.ts";
import { creating } from "./cases/creating.ts";
import { customKinds } from "./cases/custom-kinds.ts";
import { deleting } from "./cases/deleting.ts";
import { discovery } from "./cases/discovery.ts";
import { endings } from "./cases/endings.ts";
import { forms } from "./cases/forms.ts";
import { forgetting, lists } from "./cases/lists.ts";
import { patching } from "./cases/patching.ts";
import { records } from "./cases/records.ts";
import { releasing } from "./cases/releasing.ts";
import { rights } from "./cases/rights.ts";
import { scheduling } from "./cases/scheduling.ts";
import { subresources } from "./cases/subresources.ts";
import { updating } from "./cases/updating.ts";
import { validation } from "./cases/validation.ts";
import { volumes } from "./cases/volumes.ts";
import { watches } from "./cases/watches.ts";
import { webhooks } from "./cases/webhooks.ts";

/** Every case, by topic. */
export const TOPICS: readonly Topic[] = [
  creating,
  updating,
  subresources,
  deleting,
  endings,
  volumes,
  binding,
  releasing,
  scheduling,
  lists,
  forgetting,
  watches,
  forms,
  patching,
  validation,
  discovery,
  rights,
  records,
  customKinds,
  webhooks,
];
