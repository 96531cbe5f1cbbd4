package dev.nudge.hub;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A commit of a repository in the cache of this machine.
///
/// @param name the repository
/// @param commit 40 hex digits
/// @param revisions branches and tags that pointed to this commit when last checked
/// @param folder folder of its files
/// @param bytes size of its files; another commit may share them
/// @param modelType `model_type` of its `config.json`; null: none
/// @param licence licence in its model card; null: none
/// @param whole whether every file that nudge would download is cached; null: unknown
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
