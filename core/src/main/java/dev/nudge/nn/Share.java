package dev.nudge.nn;

import dev.nudge.tensor.Team;
import dev.nudge.tensor.Workspace;

/// A lane's part in a sequence that all lanes work on.
///
/// What is done token by token runs on the lane's own rows. Attention needs the keys and values of
/// the others: see [SharedAttention].
public record Share(Team.Member member, Cut cut) {
  public int lane() {
    return member.lane();
  }

  /// The memory that all lanes see.
  Workspace shared() {
    return member.shared();
  }

  /// A part whose memory suffices for that of every lane in every sequence up to `tokens`.
  ///
  /// @param team one that measures
  public static Share widest(int tokens, Team team, int end) {
    return new Share(team.member(0), Cut.widest(tokens, team.lanes(), end));
  }
}
