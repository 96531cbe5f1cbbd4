package dev.nudge.nn;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The places of a model, or of a part of one, where an adapter can sit.
///
/// @param linears the layers of the decoder layers
/// @param head the output head; null in a part without one
/// @param tied whether the head is the embedding
/// @param embedding null in a part without one
/// @param embeddingPath path of its module
/// @param norms by the path of their module
public record Modules(
    List<LinearSlot> linears,
    @Nullable LinearSlot head,
    boolean tied,
    @Nullable Embedding embedding,
    String embeddingPath,
    Map<String, Norm> norms) {

  /// A part of linear layers only.
  public static Modules of(List<LinearSlot> linears) {
    return new Modules(linears, null, false, null, "", Map.of());
  }
}
