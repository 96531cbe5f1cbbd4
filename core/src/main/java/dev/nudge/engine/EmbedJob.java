package dev.nudge.engine;

import dev.nudge.adapter.NamedAdapters;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// A text to embed, queued until the engine has memory for its workspace.
///
/// Threading: confined to the engine's thread, once it has it.
final class EmbedJob {
  final int[] ids;
  final NamedAdapters.Attachment attachment;
  long bytes = -1; // of its workspace; −1: not measured yet
  private float @Nullable [] mean;

  EmbedJob(int[] ids, NamedAdapters.Attachment attachment) {
    this.ids = ids;
    this.attachment = attachment;
  }

  /// @param scoring whether rows are scored that need the room which they have
  /// @return whether it is done; else there is no room now
  boolean go(Steps steps, List<Sequence> running, boolean scoring) {
    mean = steps.embed(this, running, scoring);
    return mean != null;
  }

  /// The mean of the last hidden states, where it is done.
  float[] mean() {
    return Objects.requireNonNull(mean);
  }
}
