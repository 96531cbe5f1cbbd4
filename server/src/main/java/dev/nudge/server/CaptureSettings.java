package dev.nudge.server;

import dev.nudge.format.OutFolder;
import dev.nudge.settings.Check;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Settings for capturing prompts, answers and feedback; off unless a folder is given.
///
/// @param capture null: no capture
/// @param captureClient names of clients; empty: all
/// @param captureAdapter names of adapters, or the base's; empty: all
/// @param captureDays days of UTC, the current one included
public record CaptureSettings(
    @Setting(
            help =
                "folder that keeps prompts, answers and feedback, for data from-feedback (default:"
                    + " nothing is kept)",
            label = "FOLDER")
        @Nullable Path capture,
    @Setting(
            help =
                "client whose requests are captured, by its name in --api-keys; may be given"
                    + " several times (default: all)",
            label = "NAME")
        List<String> captureClient,
    @Setting(
            help =
                "adapter whose answers are captured, or the base's name; may be given several times"
                    + " (default: all)",
            label = "NAME")
        List<String> captureAdapter,
    @Setting(
            help = "days that captured texts are kept, then they are deleted",
            byDefault = CaptureSettings.DAYS)
        int captureDays,
    @Setting(
            help =
                "write [EMAIL] and the like in place of secrets and personal data that data stats"
                    + " would find",
            byDefault = "true",
            negatable = true)
        boolean captureRedact) {
  private static final String DAYS = "30";
  private static final int MOST_DAYS = 3650;

  public CaptureSettings {
    captureClient = List.copyOf(captureClient);
    captureAdapter = List.copyOf(captureAdapter);
    Check.between("--capture-days", captureDays, 1, MOST_DAYS);
  }

  /// Checks that other capture flags have a folder that can be created.
  ///
  /// @throws InputException if missing or not creatable
  public void checkFolder() {
    boolean some = captureDays != Integer.parseInt(DAYS) || !captureRedact;
    if (capture == null && (some || !captureClient.isEmpty() || !captureAdapter.isEmpty())) {
      throw new InputException(
          "--capture is missing beside other flags of capture; give it a folder, or leave them"
              + " out");
    }
    if (capture != null) {
      OutFolder.checkPlace("--capture", capture);
    }
  }

  /// Whether to capture an answer.
  public boolean wants(String client, String adapter) {
    return (captureClient.isEmpty() || captureClient.contains(client))
        && (captureAdapter.isEmpty() || captureAdapter.contains(adapter));
  }
}
