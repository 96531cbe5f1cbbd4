package dev.nudge.generate;

import dev.nudge.engine.Limits;
import dev.nudge.model.CausalLm;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;

/// The memory of a session by use, in bytes; the sum is `--memory`, if that is set and enough.
///
/// Not counted: position tables, which grow with the longest text, oneDNN's scratch memory, and the
/// JVM's own memory.
///
/// @param weights weights of the base model
/// @param adapters attached adapters and the budget of the adapter cache
/// @param steps workspace of the engine's steps, without what adapters add to it: that comes off
///     the KV cache once they are in a step
/// @param prompts packed weights that prefill passes keep
/// @param keys KV cache of all sequences, from which scoring and embedding take their workspaces
public record Account(long weights, long adapters, long steps, long prompts, long keys) {
  /// Bytes of all uses together.
  public long bytes() {
    return weights + adapters + steps + prompts + keys;
  }

  /// Says it in a line.
  ///
  /// @param longest tokens of the longest text
  String told(CausalLm model, Limits limits, int longest) {
    return "KV cache: %s per token, %s in %s; also weights %s, adapters %s, steps %s, packed weights for prompts %s; of the KV cache, while no sequence has it, rows to score (%s a lane for %s) and texts to embed (%s for %s)"
        .formatted(
            Bytes.shown(model.keyValueBytes(1)),
            Count.of(limits.positions(model), "token"),
            Bytes.shown(keys),
            Bytes.shown(weights),
            Bytes.shown(adapters),
            Bytes.shown(steps),
            Bytes.shown(prompts),
            Bytes.shown(model.measured().scoreBytes(longest, longest)),
            Count.of(longest, "token"),
            Bytes.shown(model.measured().embedBytes(longest)),
            Count.of(longest, "token"));
  }
}
