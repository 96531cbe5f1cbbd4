package dev.nudge.engine;

import dev.nudge.model.CausalLm;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;

/// Says that the KV cache memory cannot hold a sequence of the maximum length asked for.
public final class NoRoomException extends InputException {
  private static final long serialVersionUID = 1L;

  private final String facts;

  private NoRoomException(String facts) {
    super(facts + "; lower --max-tokens, shorten the prompt or raise --memory");
    this.facts = facts;
  }

  /// @param positions that the sequence may grow to
  /// @param blocks that there is memory for
  static NoRoomException of(CausalLm model, int positions, int blocks) {
    return new NoRoomException(
        "a sequence of up to %s needs %s of keys and values (%d tokens and %s each), and there is memory for %,d"
            .formatted(
                Count.of(positions, "token"),
                Count.of(Limits.blocks(positions), "block"),
                Limits.BLOCK,
                Bytes.shown(model.keyValueBytes(Limits.BLOCK)),
                blocks));
  }

  /// The message without its advice on command flags.
  public String facts() {
    return facts;
  }
}
