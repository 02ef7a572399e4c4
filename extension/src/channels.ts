import * as vscode from 'vscode';
import type { AppendParams, AppendResult } from './protocol';

/** Output channels of their own, made when there is something to show in one. */
export class Channels {
  private readonly channels = new Map<string, vscode.OutputChannel>();

  constructor(private readonly subscriptions: { dispose(): unknown }[]) {}

  append({ channel, text, reveal }: AppendParams): AppendResult {
    const shown = this.of(channel);
    shown.append(text);
    if (reveal) {
      shown.show(true);
    }
    return { shown: true };
  }

  private of(name: string): vscode.OutputChannel {
    let channel = this.channels.get(name);
    if (!channel) {
      channel = vscode.window.createOutputChannel(name);
      this.channels.set(name, channel);
      this.subscriptions.push(channel);
    }
    return channel;
  }
}
