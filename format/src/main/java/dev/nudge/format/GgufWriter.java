package dev.nudge.format;

import dev.nudge.gguf.GgufLayout;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/// Streams one GGUF file: the header at once, then tensors in any order, each at its offset.
///
/// The file is written beside its target and has its full length from the start, so its metadata
/// can be read back ([#temporary]) before the first tensor is written. [#place] renames it into
/// place; [#close] without it deletes it.
///
/// Threading: one thread.
public final class GgufWriter extends TensorsFile {
  private GgufWriter(Path target, GgufLayout layout) {
    Map<String, Place> places = new LinkedHashMap<>();
    layout.tensors().forEach((name, t) -> places.put(name, new Place(t, t.begin(), t.bytes())));
    super(target, layout.header(), places, layout.bytes());
    if (layout.bytes() > layout.header().length) {
      put(ByteBuffer.wrap(new byte[1]), layout.bytes() - 1);
    }
  }

  /// Creates the file beside `target` and writes its header.
  ///
  /// @throws dev.nudge.settings.RunException if it cannot be written
  public static GgufWriter create(Path target, GgufLayout layout) {
    return new GgufWriter(target, layout);
  }

  /// Renames the file into place; all tensors must be written.
  ///
  /// @throws dev.nudge.settings.RunException if it cannot be written; the target is then unchanged
  @Override
  public void place() {
    finish();
    super.place();
  }

  /// Deletes the file unless [#place] was called.
  @Override
  public void close() {
    if (!placed()) {
      abandon();
    }
  }
}
