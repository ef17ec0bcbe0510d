import { GatedProxy } from "./gated-proxy.ts";
import { KafkaNode, type NodeOptions, newClusterId } from "./node.ts";
import { freePorts } from "./properties.ts";

/** A broker of its own, all of whose clients talk to it through a proxy. */
export class ProxiedNode {
  readonly proxy: GatedProxy;
  readonly #node: KafkaNode;

  private constructor(proxy: GatedProxy, node: KafkaNode) {
    this.proxy = proxy;
    this.#node = node;
  }

  static async start(options: NodeOptions = {}): Promise<ProxiedNode> {
    const proxy = await GatedProxy.start();
    const place = { id: 1, clusterId: newClusterId(), controllers: await freePorts(1) };
    const configs = { ...options.configs, "advertised.listeners": `PLAINTEXT://${proxy.address}` };
    const node = await KafkaNode.format(place, { ...options, configs });
    proxy.target = node.bootstrap;
    const proxied = new ProxiedNode(proxy, node);
    await node.restart().catch(async (error: unknown) => {
      await proxied.remove();
      throw error;
    });
    return proxied;
  }

  get bootstrap(): string {
    return this.proxy.address;
  }

  async remove(): Promise<void> {
    await this.#node.remove();
    await this.proxy.close();
  }
}
