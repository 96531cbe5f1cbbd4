package dev.nudge.hub;

import java.nio.file.Path;
import java.util.List;

/// Files of the hub that are on this machine now.
///
/// @param name the repository and the revision that was asked for
/// @param commit what the revision is now
/// @param place what a user would give instead of the name: a folder, or a GGUF file
/// @param files paths of all that was asked for, the weights or rows first
/// @param bytes of these files
public record HubFiles(RepoName name, String commit, Path place, List<Path> files, long bytes) {
  public HubFiles {
    files = List.copyOf(files);
  }
}
