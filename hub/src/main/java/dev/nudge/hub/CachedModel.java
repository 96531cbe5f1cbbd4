package dev.nudge.hub;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A commit of a repository in the cache of this machine.
///
/// @param name the repository
/// @param commit 40 hex digits
/// @param revisions branches and tags that were last seen at it
/// @param folder its files
/// @param bytes of its files; another commit may share them
/// @param modelType `model_type` of its `config.json`; null: there is none
/// @param licence as its model card says; null: it does not
/// @param whole whether all files are here that nudge would fetch; null: nothing tells
public record CachedModel(
    RepoName name,
    String commit,
    List<String> revisions,
    Path folder,
    long bytes,
    @Nullable String modelType,
    @Nullable String licence,
    @Nullable Boolean whole) {
  public CachedModel {
    revisions = List.copyOf(revisions);
  }
}
