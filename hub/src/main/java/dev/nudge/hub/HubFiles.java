package dev.nudge.hub;

import java.nio.file.Path;
import java.util.List;

/// Files of the hub that are in the cache now.
///
/// @param name the requested repository and revision
/// @param commit current commit of the revision
/// @param place the local path to use in place of the name: a folder, or a GGUF file
/// @param files paths of all requested files, the weights or rows first
/// @param bytes size of these files
public record HubFiles(RepoName name, String commit, Path place, List<Path> files, long bytes) {
  public HubFiles {
    files = List.copyOf(files);
  }
}
