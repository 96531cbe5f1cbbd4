package dev.nudge.model.rope;

import dev.nudge.kernel.Rope.Pairing;
import dev.nudge.nn.layer.Rotary;
import org.jspecify.annotations.Nullable;

/// RoPE of a layer's heads.
///
/// @param width dimensions of a head that RoPE rotates
/// @param pairing which of them rotate together
/// @param queries growth of the queries with their position; null: none
public record Turning(
    RopeParameters rope, int width, Pairing pairing, @Nullable QueryGrowth queries) {
  public Turning(RopeParameters rope, int width) {
    this(rope, width, Pairing.HALVES);
  }

  public Turning(RopeParameters rope, int width, Pairing pairing) {
    this(rope, width, pairing, null);
  }

  /// RoPE of the keys.
  public Turning ofKeys() {
    return queries == null ? this : new Turning(rope, width, pairing, null);
  }

  /// Frequencies and factors of the queries' RoPE.
  public Rotary.Turns turns() {
    Rotary.Turns turns = rope.turns(width);
    return queries == null ? turns : queries.over(turns);
  }

  /// Scales a query by 1 + beta · ln(1 + ⌊position / original⌋), so that attention over texts
  /// longer than the original context stays sharp (Llama 4, Ministral 3).
  ///
  /// @param original context length before the scaling of RoPE, in tokens
  public record QueryGrowth(double beta, int original) {
    Rotary.Turns over(Rotary.Turns turns) {
      return new Rotary.Turns() {
        @Override
        public double[] frequencies(int tokens) {
          return turns.frequencies(tokens);
        }

        @Override
        public int border() {
          return turns.border();
        }

        @Override
        public boolean alikeAbove() {
          return turns.alikeAbove();
        }

        @Override
        public double factor(int position) {
          return turns.factor(position) * (1 + beta * Math.log1p(position / original));
        }
      };
    }
  }
}
