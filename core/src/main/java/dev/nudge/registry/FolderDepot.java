package dev.nudge.registry;

import dev.nudge.format.Blobs;
import dev.nudge.format.Claim;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// A folder with an OCI image layout, as a remote.
///
/// @param taken uploaded manifests, which [#finish] publishes
record FolderDepot(OciLayout layout, List<Descriptor> taken) implements Depot {

  /// Opens a folder to pull from.
  ///
  /// @throws InputException if it is not an OCI image layout
  static FolderDepot from(Path folder) {
    OciLayout layout = new OciLayout(folder);
    if (!layout.exists()) {
      throw new InputException(
          folder
              + (Files.isRegularFile(folder.resolve("adapter_config.json"))
                  ? " is an adapter's folder; nudge adapters push takes it"
                  : Files.exists(folder)
                      ? " is no OCI image layout: it has no " + OciLayout.MARK
                      : " does not exist; give a folder, a .tar or oci://HOST/NAME"));
    }
    return new FolderDepot(layout, new ArrayList<>());
  }

  /// Opens a folder to push to; it is created if missing.
  ///
  /// @throws InputException if it holds other files
  static FolderDepot to(Path folder) {
    OutFolder.checkPlace("TARGET", folder);
    OciLayout layout = new OciLayout(folder);
    if (Files.exists(folder.resolve(Journal.FILE))) {
      throw new InputException(
          folder + " is a registry of nudge; pull from it there, or give another folder");
    }
    if (!layout.exists() && !OutFolder.isFree(folder)) {
      throw new InputException(
          folder + " is no OCI image layout and not empty; give another folder");
    }
    return new FolderDepot(layout, new ArrayList<>());
  }

  @Override
  public byte[] manifest(String tag) {
    Descriptor found = Index.read(layout.folder()).find(tag, layout.folder().toString());
    return layout.blobs().read(found.digest());
  }

  @Override
  public InputStream blob(Descriptor blob) throws IOException {
    return Files.newInputStream(layout.blobs().path(blob.digest()));
  }

  @Override
  public boolean put(Descriptor blob, Path file) {
    Blobs blobs = layout.blobs();
    boolean there = blobs.has(blob.digest());
    blobs.put(file);
    return !there;
  }

  @Override
  public void put(Descriptor manifest, byte[] bytes, String tag) {
    layout.blobs().put(bytes);
    taken.add(tag.isEmpty() ? manifest : manifest.with(MediaTypes.REF_NAME, tag));
  }

  @Override
  public void finish() {
    OutFolder.make(layout.folder());
    try (Claim _ = Claim.await(layout.folder())) {
      if (!layout.exists()) {
        layout.create();
      }
      layout.index(Index.read(layout.folder()).with(taken).manifests());
    }
  }

  @Override
  public void close() {}
}
