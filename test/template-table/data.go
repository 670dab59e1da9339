package main

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kjson "sigs.k8s.io/json"
)

// pvMetadata has the name and the fields of the original's type, because error messages show them.
type pvMetadata struct {
	PVName string
	PVC    metav1.ObjectMeta
}

// dataset is one claim that templates are rendered over. Rows refer to it by name, to keep the
// table small.
type dataset struct {
	Name     string          `json:"dataset"`
	PVName   string          `json:"pvName"`
	Metadata json.RawMessage `json:"metadata"`
}

// decode reads the metadata with the decoder that client-go uses.
func (d dataset) decode() pvMetadata {
	out := pvMetadata{PVName: d.PVName}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(d.Metadata, &out.PVC); err != nil {
		panic(fmt.Sprintf("dataset %s: %v", d.Name, err))
	}
	return out
}

var datasets = []dataset{
	{"plain", "pvc-4f3c2d1e-0b1a-4c5d-8e9f-001122334455", json.RawMessage(`{"name":"data-web-0","namespace":"shop","uid":"4f3c2d1e-0b1a-4c5d-8e9f-001122334455","resourceVersion":"812345","creationTimestamp":"2024-02-29T13:04:05Z","labels":{"app":"web","tier":"front","app.kubernetes.io/name":"shop"},"annotations":{"path":"a/b","size":"10","volume.kubernetes.io/selected-node":"node-1"},"finalizers":["kubernetes.io/pvc-protection"]}`)},
	{"full", "pvc-ff", json.RawMessage(`{"name":"c","generateName":"c-","namespace":"n","selfLink":"/x","uid":"u-1","resourceVersion":"7","generation":42,"creationTimestamp":"1999-12-31T23:59:59.123456789Z","deletionTimestamp":"2031-07-04T01:02:03+02:00","deletionGracePeriodSeconds":30,"labels":{"b":"2","a":"1","_":"under","n":"-5","z":"ünï ☃ 😀"},"annotations":{"html":"<a href='x'>\"&\"</a>","ctl":"tab\tnew\nnul\u0000","empty":""},"ownerReferences":[{"apiVersion":"apps/v1","kind":"StatefulSet","name":"web","uid":"o-1","controller":true,"blockOwnerDeletion":false},{"apiVersion":"v1","kind":"Pod","name":"p","uid":"o-2"},{"apiVersion":"v1","kind":"Pod","name":"q","uid":"o-3","blockOwnerDeletion":true}],"finalizers":["one","two","three","four","five"],"managedFields":[{"manager":"kubectl","operation":"Apply","apiVersion":"v1","time":"2024-01-02T03:04:05Z","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:labels":{".":{},"f:app":{}}}}},{"manager":"kube-controller-manager","operation":"Update","apiVersion":"v1","subresource":"status"}]}`)},
	{"bare", "pv", json.RawMessage(`{"name":"x","namespace":"y"}`)},
	{"empties", "", json.RawMessage(`{"name":"","labels":{},"annotations":{"":"nothing"},"finalizers":[],"ownerReferences":[],"creationTimestamp":null,"generation":-9223372036854775808}`)},
	{"owned", "pvc-ow", json.RawMessage(`{"name":"data","namespace":"team-a","uid":"aaaa-bbbb","creationTimestamp":"2024-12-01T00:00:00Z","labels":{"app":"db","env":"prod","true":"false"},"ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"o"}],"managedFields":[{"manager":"m","operation":"Update","apiVersion":"v1","time":"2024-12-01T00:00:01Z","fieldsType":"FieldsV1","fieldsV1":{}}],"finalizers":["a","b"]}`)},
}
