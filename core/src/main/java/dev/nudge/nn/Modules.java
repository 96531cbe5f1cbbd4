package dev.nudge.nn;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The modules of a model, or of a part of it, that an adapter can wrap.
///
/// @param linears the linear layers of all decoder layers
/// @param head the output head; null in a part without one
/// @param tied whether the head shares the embedding's weight
/// @param embedding null in a part without one
/// @param embeddingPath module path of the embedding
/// @param norms by their module path
/// @param score null in a part without an output head
public record Modules(
    List<LinearSlot> linears,
    @Nullable LinearSlot head,
    boolean tied,
    @Nullable Embedding embedding,
    String embeddingPath,
    Map<String, Norm> norms,
    @Nullable ScoreHead score) {}
