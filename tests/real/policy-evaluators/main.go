// Asks two evaluators of network policies that others wrote: the matcher of cyclonus, and the verdict of kube-network-policies.
//
// Each line of standard input is a case: {"namespaces": [...], "pods": [...], "policies": [...], "questions": [...]}, objects as the API has them.
// Each line of the answer has a list of booleans for each evaluator, in the order of the questions, or the reason why it gives none.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/klog/v2"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

type question struct {
	Source      string          `json:"source"`
	Destination string          `json:"destination"`
	Port        int             `json:"port"`
	Protocol    corev1.Protocol `json:"protocol"`
}

type task struct {
	Namespaces []*corev1.Namespace           `json:"namespaces"`
	Pods       []*corev1.Pod                 `json:"pods"`
	Policies   []*networkingv1.NetworkPolicy `json:"policies"`
	Questions  []question                    `json:"questions"`
}

type answer struct {
	Allowed []bool `json:"allowed"`
	Error   string `json:"error,omitempty"`
}

type evaluator func(task) []bool

func main() {
	logrus.SetOutput(io.Discard)
	klog.SetOutput(io.Discard)
	klog.LogToStderr(false)
	in := json.NewDecoder(bufio.NewReaderSize(os.Stdin, 1<<20))
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	for {
		var asked task
		if err := in.Decode(&asked); err == io.EOF {
			return
		} else if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		setDefaults(asked)
		answers := map[string]answer{"cyclonus": ask(cyclonus, asked), "kube-network-policies": ask(enforcer, asked)}
		if err := encoder.Encode(answers); err != nil {
			os.Exit(1)
		}
		if err := out.Flush(); err != nil {
			os.Exit(1)
		}
	}
}

// setDefaults does what the API server does before anybody sees an object.
func setDefaults(asked task) {
	tcp := corev1.ProtocolTCP
	ports := func(ports []networkingv1.NetworkPolicyPort) {
		for i := range ports {
			if ports[i].Protocol == nil {
				ports[i].Protocol = &tcp
			}
		}
	}
	for _, policy := range asked.Policies {
		spec := &policy.Spec
		if len(spec.PolicyTypes) == 0 {
			spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
			if len(spec.Egress) > 0 {
				spec.PolicyTypes = append(spec.PolicyTypes, networkingv1.PolicyTypeEgress)
			}
		}
		if len(spec.Ingress) == 0 {
			spec.Ingress = nil // what is stored has no empty lists
		}
		if len(spec.Egress) == 0 {
			spec.Egress = nil
		}
		for _, rule := range spec.Ingress {
			ports(rule.Ports)
		}
		for _, rule := range spec.Egress {
			ports(rule.Ports)
		}
	}
	for _, namespace := range asked.Namespaces {
		if namespace.Labels == nil {
			namespace.Labels = map[string]string{}
		}
		namespace.Labels[corev1.LabelMetadataName] = namespace.Name
	}
	for _, pod := range asked.Pods {
		for i := range pod.Spec.Containers {
			for j := range pod.Spec.Containers[i].Ports {
				if port := &pod.Spec.Containers[i].Ports[j]; port.Protocol == "" {
					port.Protocol = tcp
				}
			}
		}
	}
}

func ask(judge evaluator, asked task) (found answer) {
	defer func() {
		if reason := recover(); reason != nil {
			found = answer{Error: fmt.Sprint(reason)}
		}
	}()
	return answer{Allowed: judge(asked)}
}

func cyclonus(asked task) []bool {
	policy := matcher.BuildNetworkPolicies(false, asked.Policies)
	labels := map[string]map[string]string{}
	for _, namespace := range asked.Namespaces {
		labels[namespace.Name] = namespace.Labels
	}
	pods := map[string]*corev1.Pod{}
	for _, pod := range asked.Pods {
		if !pod.Spec.HostNetwork {
			for _, address := range pod.Status.PodIPs {
				pods[address.IP] = pod
			}
		}
	}
	peer := func(address string) *matcher.TrafficPeer {
		found := &matcher.TrafficPeer{IP: address}
		if pod, ok := pods[address]; ok {
			found.Internal = &matcher.InternalPeer{PodLabels: pod.Labels, NamespaceLabels: labels[pod.Namespace], Namespace: pod.Namespace}
		}
		return found
	}
	verdicts := make([]bool, len(asked.Questions))
	for i, one := range asked.Questions {
		traffic := &matcher.Traffic{Source: peer(one.Source), Destination: peer(one.Destination), ResolvedPort: one.Port, Protocol: one.Protocol}
		if pod, ok := pods[one.Destination]; ok {
			traffic.ResolvedPortName = portName(pod, one)
		}
		verdicts[i] = policy.IsTrafficAllowed(traffic).IsAllowed()
	}
	return verdicts
}

func portName(pod *corev1.Pod, one question) string {
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			if int(port.ContainerPort) == one.Port && port.Protocol == one.Protocol {
				return port.Name
			}
		}
	}
	return ""
}

func enforcer(asked task) []bool {
	client := fake.NewSimpleClientset()
	factory := informers.NewSharedInformerFactory(client, 0)
	policies, namespaces := factory.Networking().V1().NetworkPolicies(), factory.Core().V1().Namespaces()
	pods, nodes := factory.Core().V1().Pods(), factory.Core().V1().Nodes()
	config := networkpolicy.Config{NodeName: "node"}
	controller, err := networkpolicy.NewController(client, policies, namespaces, pods, nodes, nil, nil, nil, config)
	if err != nil {
		panic(err)
	}
	for _, one := range asked.Policies {
		must(policies.Informer().GetIndexer().Add(one))
	}
	for _, one := range asked.Namespaces {
		must(namespaces.Informer().GetIndexer().Add(one))
	}
	for _, one := range asked.Pods {
		must(pods.Informer().GetIndexer().Add(one))
	}
	verdicts := make([]bool, len(asked.Questions))
	for i, one := range asked.Questions {
		verdicts[i] = evaluatePacket(controller, context.Background(), newPacket(one))
	}
	return verdicts
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func newPacket(one question) packet {
	source, destination := net.ParseIP(one.Source), net.ParseIP(one.Destination)
	family := corev1.IPv6Protocol
	if source.To4() != nil {
		family = corev1.IPv4Protocol
	}
	return packet{family: family, srcIP: source, dstIP: destination, proto: one.Protocol, srcPort: 40000, dstPort: one.Port}
}
