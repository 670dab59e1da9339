/** A StatefulSet of one pod. `grace` keeps its ending short. */
export const DATABASE = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, labels: {app: db}}
spec:
  replicas: 1
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: "busybox:1"}]
`;

/** That no pod of it may be disrupted. */
export const BUDGET = `
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: db}
spec: {maxUnavailable: 0, selector: {matchLabels: {app: db}}}
`;

export const pod = (name: string): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {app: ${name}}}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: "busybox:1"}]
`;

export const configMap = (name: string, data: string, more = ""): string => `
apiVersion: v1
kind: ConfigMap
metadata: {name: ${name}}
data: {key: ${data}}
${more}
`;
