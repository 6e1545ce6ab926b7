variable "environment" {
  description = "Environment. It is part of all names."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod", "local"], var.environment)
    error_message = "environment must be dev, staging, prod or local."
  }
}

variable "source_bucket" {
  description = "Name of the bucket with the event files."
  type        = string
}

variable "source_is_versioned" {
  description = "Whether `source_bucket` is known to have versioning enabled. The function then needs no permission to read objects without a version."
  type        = bool
  default     = false
}

variable "source_kms_key_arn" {
  description = "ARN of the KMS key that encrypts the event files, if it is not `kms_key_arn`; null if S3 manages the key."
  type        = string
  default     = null

  validation {
    condition     = var.source_kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.source_kms_key_arn))
    error_message = "source_kms_key_arn must be the ARN of a key, not of an alias."
  }
}

variable "prefix" {
  description = "Prefix of the event files, such as `logs/`; empty for the whole bucket."
  type        = string
  default     = "logs/"
}

variable "checkpoint_bucket" {
  description = "Name of the bucket for the checkpoints."
  type        = string
}

variable "checkpoint_key" {
  description = "Key of the checkpoint with all events."
  type        = string
  default     = "checkpoints/events.parquet"

  validation {
    condition     = can(regex("^checkpoints/[^{}]+\\.parquet$", var.checkpoint_key))
    error_message = "checkpoint_key must begin with checkpoints/ and end in .parquet."
  }
}

variable "checkpoint_key_template" {
  description = "Key of each checkpoint, with `{study}` and `{datatype}`; null for a single checkpoint."
  type        = string
  default     = null

  validation {
    condition     = var.checkpoint_key_template == null || can(regex("^checkpoints/.*\\{study\\}.*\\{datatype\\}.*\\.parquet$", var.checkpoint_key_template))
    error_message = "checkpoint_key_template must begin with checkpoints/, contain {study} and {datatype}, and end in .parquet."
  }
}

variable "look_back_days" {
  description = "Number of past days whose files are listed, by the date in the file name; null to list all files, so that none is missed."
  type        = number
  default     = null
}

variable "architecture" {
  description = "Processor architecture of the function: `x86_64` or `arm64`."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture must be x86_64 or arm64."
  }
}

variable "packages" {
  description = "Folder with the packages that Pants builds; null for `dist` in the repository."
  type        = string
  default     = null
}

variable "deletable" {
  description = "Let `destroy` delete the bucket with the zip files of layers. Do not set it in production."
  type        = bool
  default     = false
}

variable "reuse_existing_layers" {
  description = "If a layer with the same content is already registered in this environment, use that one. Publish and register all other layers."
  type        = bool
  default     = false
}

variable "use_external_layer_arns" {
  description = "Use the layers in `external_layer_arns` and publish none."
  type        = bool
  default     = false
}

variable "external_layer_arns" {
  description = "ARNs of layer versions, by layer: `powertools`, `data_processing`."
  type        = map(string)
  default     = {}
}

variable "force_layer_update" {
  description = "Change this text to publish new versions of all layers even if their content has not changed. If it is not empty, `reuse_existing_layers` has no effect."
  type        = string
  default     = ""
}

variable "memory_mb" {
  description = "Memory of the function; null for the value in `lambda/functions.json`."
  type        = number
  default     = null
}

variable "log_level" {
  description = "Lowest level that the function logs."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], var.log_level)
    error_message = "log_level must be DEBUG, INFO, WARNING, ERROR or CRITICAL."
  }
}

variable "log_retention_days" {
  description = "Number of days to keep the log."
  type        = number
  default     = 30
}

variable "live_version" {
  description = "Published version that callers use; null for the latest. Set it to roll back."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts checkpoints, log, environment variables and the bucket with the zip files; null to use keys that AWS manages."
  type        = string
  default     = null
}

variable "dead_letter_queue_arn" {
  description = "ARN of the queue for events that failed on the last attempt; null for none."
  type        = string
  default     = null
}

variable "alarm_topic_arn" {
  description = "ARN of the topic that alarms are published to; null for none."
  type        = string
  default     = null
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of the role; null for none."
  type        = string
  default     = null
}
