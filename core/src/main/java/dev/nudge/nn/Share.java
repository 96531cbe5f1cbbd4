package dev.nudge.nn;

import dev.nudge.tensor.LaneGroup;
import dev.nudge.tensor.Workspace;

/// A lane's part of a sequence that all lanes compute together (sequence parallelism).
///
/// Token-wise operations run on the lane's own rows. Attention needs the keys and values of the
/// other lanes: see `SharedAttention`.
public record Share(LaneGroup.Member member, SequenceSplit cut) {
  public int lane() {
    return member.lane();
  }

  /// The memory that all lanes share.
  public Workspace shared() {
    return member.shared();
  }

  /// Returns a part for dry runs that needs the most memory of any sequence up to `tokens`.
  ///
  /// @param group a group for dry runs
  public static Share widest(int tokens, LaneGroup group, int end) {
    return new Share(group.member(0), SequenceSplit.widest(tokens, group.lanes(), end));
  }
}
