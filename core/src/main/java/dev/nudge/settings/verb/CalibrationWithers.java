package dev.nudge.settings.verb;

import java.nio.file.Path;
import java.util.Arrays;

/// Withers for GPTQ and AWQ.
///
/// @param <S> the record that holds them
public interface CalibrationWithers<S extends Record> extends ShapeWithers<S> {
  /// Bits of a code, 4 or 8.
  default S withBits(int bits) {
    return with("bits", bits);
  }

  /// Inputs that share a scale; [CalibrationSettings#WHOLE_ROW]: all of a row.
  default S withGroupSize(int inputs) {
    return with("group_size", inputs);
  }

  /// Whether grids are symmetric around zero.
  default S withSym(boolean symmetric) {
    return with("sym", symmetric);
  }

  /// Whether GPTQ quantises the inputs with the largest activations first.
  default S withActOrder(boolean ordered) {
    return with("act_order", ordered);
  }

  /// Whether groups are of neighbouring inputs in that order too.
  default S withStaticGroups(boolean neighbours) {
    return with("static_groups", neighbours);
  }

  /// The damping of GPTQ, a share of the Hessian's mean diagonal.
  default S withDamp(double share) {
    return with("damp", share);
  }

  /// The pattern of the prompt over a row's columns.
  default S withPrompt(String pattern) {
    return with("prompt", pattern);
  }

  /// The pattern of the completion over a row's columns.
  default S withCompletion(String pattern) {
    return with("completion", pattern);
  }

  /// The files of rows to calibrate on.
  default S withCalibration(Path... files) {
    return with("calibration", Arrays.stream(files).map(Path::toString).toList());
  }

  /// Sets bad rows aside instead of refusing the data.
  default S withSkipBadRows(boolean skip) {
    return with("skip_bad_rows", skip);
  }

  /// Most rows to calibrate on.
  default S withSamples(int rows) {
    return with("samples", rows);
  }

  /// Tokens after which a row is cut.
  default S withMaxLength(int tokens) {
    return with("max_length", tokens);
  }

  /// The layout of the files.
  default S withFormat(CalibrationSettings.Layout layout) {
    return with("format", layout);
  }
}
