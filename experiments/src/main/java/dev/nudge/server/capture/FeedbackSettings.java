package dev.nudge.server.capture;

import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.List;

/// Settings of the `data from-feedback` command.
///
/// @param folder folder that `serve --capture` filled
/// @param client names of clients; empty: all
/// @param adapter names of adapters, or the base's; empty: all
/// @param out folder for the files
public record FeedbackSettings(
    @Setting(
            help = "folder of serve --capture",
            label = "CAPTURED",
            operand = true,
            required = true)
        Path folder,
    @Setting(
            help = "adapter whose answers are taken; may be given several times (default: all)",
            label = "NAME")
        List<String> adapter,
    @Setting(
            help = "client whose feedback is taken; may be given several times (default: all)",
            label = "NAME")
        List<String> client,
    @Setting(
            help = "folder for kto.jsonl (ratings), dpo.jsonl (pairs) and sft.jsonl (good answers)",
            required = true,
            label = "FOLDER")
        Path out,
    @Setting(help = "replace the files where they are there") boolean overwrite) {

  public FeedbackSettings {
    adapter = List.copyOf(adapter);
    client = List.copyOf(client);
  }
}
