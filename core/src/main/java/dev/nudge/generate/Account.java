package dev.nudge.generate;

import dev.nudge.engine.Limits;
import dev.nudge.model.CausalLm;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;

/// What a session's memory goes to, in bytes: where `--memory` is given and enough, this is all of
/// it.
///
/// Not in it are tables of positions, which grow with the longest text, the scratch of oneDNN's
/// products, and what the JVM takes for itself.
///
/// @param weights of the base
/// @param adapters that are attached, and what the cache of others may hold
/// @param steps the workspace of steps, without what adapters make it larger by: that is taken off
///     the keys once they are in a step
/// @param keys of all sequences; rows to score and texts to embed take their workspaces of it
public record Account(long weights, long adapters, long steps, long keys) {
  /// All of it.
  public long bytes() {
    return weights + adapters + steps + keys;
  }

  /// Says it in a line.
  ///
  /// @param longest tokens of the longest text
  String told(CausalLm model, Limits limits, int longest) {
    return "keys and values: %s a token, room for %s in %s; beside them weights %s, adapters %s, steps %s; of them, while no sequence has them, rows to score (%s a lane for %s) and texts to embed (%s for %s)"
        .formatted(
            Bytes.shown(model.keyValueBytes(1)),
            Count.of(limits.positions(model), "token"),
            Bytes.shown(keys),
            Bytes.shown(weights),
            Bytes.shown(adapters),
            Bytes.shown(steps),
            Bytes.shown(model.scoreBytes(longest, longest)),
            Count.of(longest, "token"),
            Bytes.shown(model.embedBytes(longest)),
            Count.of(longest, "token"));
  }
}
