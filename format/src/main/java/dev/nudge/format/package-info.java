/// Reads and writes files of weights (safetensors), JSON, tar, and folders, written whole.
///
/// [dev.nudge.format.WeightFile] reads the tensors of a file, whatever its format;
/// [dev.nudge.format.SafeTensors] maps a file or a folder of shards and views its tensors in
/// place; [dev.nudge.format.SafeTensorsWriter] streams a file beside its target and renames it
/// when it is complete. A file that breaks a rule of its format is refused by an
/// [dev.nudge.settings.InputException] that names the file, the field and both values.
///
/// Knows nothing about models, layers or what a tensor name means. Read `WeightFile` first, then
/// `SafeTensors` and `Header`, where the rules are.
@NullMarked
package dev.nudge.format;

import org.jspecify.annotations.NullMarked;
