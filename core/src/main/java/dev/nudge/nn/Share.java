package dev.nudge.nn;

import dev.nudge.tensor.LaneGroup;
import dev.nudge.tensor.Workspace;

/// A lane's part in a sequence that all lanes work on.
///
/// What is done token by token runs on the lane's own rows. Attention needs the keys and values of
/// the others: see [SharedAttention].
public record Share(LaneGroup.Member member, Cut cut) {
  public int lane() {
    return member.lane();
  }

  /// The memory that all lanes see.
  Workspace shared() {
    return member.shared();
  }

  /// A part whose memory suffices for that of every lane in every sequence up to `tokens`.
  ///
  /// @param group one that measures
  public static Share widest(int tokens, LaneGroup group, int end) {
    return new Share(group.member(0), Cut.widest(tokens, group.lanes(), end));
  }
}
