package dev.nudge.engine;

import dev.nudge.model.CausalLm;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;
import dev.nudge.settings.RunException;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Workspace;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The workspace of an engine's steps, as large as the longest sequence so far needs, sized by a
/// dry run of the passes.
///
/// Threading: confined to the engine's thread.
final class StepWorkspace implements AutoCloseable {
  private final CausalLm model;
  private final Limits limits;
  private final Team team;
  private @Nullable Workspace workspace;
  private int positions;
  private int tokens = Limits.READ;
  private long taken; // bytes of the workspace
  private long over; // of them those that adapters make it larger by
  private long measured = -1; // the adapters that it was measured with

  /// Says what steps take.
  interface Measure {
    /// @param adapters whether with adapters
    long bytes(int tokens, int positions, boolean adapters);
  }

  StepWorkspace(CausalLm model, Limits limits) {
    this.model = model;
    this.limits = limits;
    this.team = new Team(limits.threads());
  }

  /// The threads of the steps.
  Team team() {
    return team;
  }

  /// Makes room for a sequence of up to so many tokens.
  ///
  /// @param adapters another number where steps may take more because of their adapters
  /// @param bytes that steps take with so many tokens to read and positions
  void ensure(int wanted, long adapters, Measure bytes) {
    int read = read(model, wanted);
    boolean held = workspace != null && wanted <= positions && read <= tokens;
    if (held && adapters == measured) {
      return;
    }
    int longest = held ? positions : Math.max(wanted, Math.min(2 * positions, limits.longest()));
    int most = Math.max(tokens, read);
    model.reserve(longest);
    long needed = bytes.bytes(most, longest, true);
    over = adapters == 0 ? 0 : Math.max(0, needed - bytes.bytes(most, longest, false));
    free();
    try {
      workspace = opened(needed);
    } catch (OutOfMemoryError e) {
      if (taken > 0) {
        workspace = opened(taken); // what was there is there again, for those who run in it
      }
      throw new RunException(
          "a sequence of up to %s needs a workspace of %s, which the system does not give; lower --max-tokens, or --memory so that less goes to keys"
              .formatted(Count.of(wanted, "token"), Bytes.shown(needed)),
          e);
    }
    taken = needed;
    positions = longest;
    tokens = most;
    measured = adapters;
  }

  private Workspace opened(long bytes) {
    return new Workspace(bytes, model.backend().gemms().apply(1), team);
  }

  /// Tokens of prompts that steps read at once where sequences have up to `positions`.
  static int read(CausalLm model, int positions) {
    return model.config().turnsAnew(1, positions) ? positions : Limits.READ;
  }

  /// Tokens of prompts that a step may read: those of a sequence whose turns depend on its length
  /// are read at once.
  int tokens() {
    return tokens;
  }

  Workspace workspace() {
    return Objects.requireNonNull(workspace, "no sequence was admitted");
  }

  /// Bytes by which adapters make it larger than the plan's.
  long over() {
    return over;
  }

  /// Bytes of a workspace for one text by itself.
  long aloneBytes(int tokens) {
    model.reserve(tokens);
    return model.measured().embedBytes(tokens);
  }

  /// A workspace for one text by itself.
  Workspace alone(long bytes) {
    return opened(bytes);
  }

  /// Bytes that steps take: of one that reads, those of a piece that has all its tokens, beside as
  /// many other pieces as there may be; each thread attends in memory of its own.
  static long bytes(CausalLm model, int threads, int tokens, int positions) {
    int longest = Math.max(tokens, positions);
    return Math.max(
        model.measured().decodeBytes(Limits.ROWS, Limits.ROWS),
        model.measured().prefillBytes(tokens + Limits.ROWS - 1, Limits.ROWS, longest, Limits.BLOCK)
            + (threads - 1) * model.measured().attendBytes(longest));
  }

  @Override
  public void close() {
    free();
    team.close();
  }

  private void free() {
    Workspace closing = workspace;
    workspace = null;
    if (closing != null) {
      closing.close();
    }
  }
}
