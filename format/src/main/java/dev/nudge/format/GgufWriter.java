package dev.nudge.format;

import dev.nudge.gguf.GgufLayout;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/// Streams one GGUF file: the header at once, tensors in any order, each to its place.
///
/// The file is written beside its target, in its whole length from the start, so that its metadata
/// can be read back ([#temporary]) before the first tensor is made. [#place] renames it into place;
/// [#close] without it deletes it.
///
/// Threading: one thread.
public final class GgufWriter implements AutoCloseable {
  private final TensorsFile file;
  private boolean whole;

  private GgufWriter(Path target, GgufLayout layout) {
    Map<String, TensorsFile.Place> places = new LinkedHashMap<>();
    layout
        .tensors()
        .forEach(
            (name, tensor) ->
                places.put(name, new TensorsFile.Place(tensor, tensor.begin(), tensor.bytes())));
    this.file = new TensorsFile(target, layout.header(), places, layout.bytes());
    if (layout.bytes() > layout.header().length) {
      file.put(ByteBuffer.wrap(new byte[1]), layout.bytes() - 1);
    }
  }

  /// Creates the file beside `target` and writes its header.
  ///
  /// @throws dev.nudge.settings.RunException if it cannot be written
  public static GgufWriter create(Path target, GgufLayout layout) {
    return new GgufWriter(target, layout);
  }

  /// The file while it is written.
  public Path temporary() {
    return file.temporary();
  }

  /// Writes the bytes of one tensor.
  public void write(String name, MemorySegment bytes) {
    file.write(name, bytes);
  }

  /// Writes one tensor from consecutive pieces; a piece may be reused when the next is requested.
  public void write(String name, Iterator<MemorySegment> pieces) {
    file.write(name, pieces);
  }

  /// Renames the file into place; all tensors must be written.
  ///
  /// @throws dev.nudge.settings.RunException if it cannot be written; the target is then unchanged
  public void place() {
    file.close();
    whole = true;
  }

  /// Deletes the file unless [#place] was called.
  @Override
  public void close() {
    if (!whole) {
      file.abandon();
    }
  }
}
