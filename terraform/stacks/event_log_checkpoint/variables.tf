variable "environment" {
  description = "Part of all names and tags."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod", "local"], var.environment)
    error_message = "environment is dev, staging, prod or local."
  }
}

variable "region" {
  description = "Where everything runs; the event files' bucket must be there too."
  type        = string
  default     = "us-east-1"
}

variable "profile" {
  description = "Profile of the AWS CLI's configuration; null for the credentials of the environment."
  type        = string
  default     = null
}

variable "architecture" {
  description = "What the functions run on."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture is x86_64 or arm64."
  }
}

variable "source_bucket" {
  description = "Bucket with the event files, where there is one already, in this account and region; null to make one."
  type        = string
  default     = null
}

variable "source_kms_key_arn" {
  description = "Key that encrypts the objects of `source_bucket`, where it is one of your own; null for a key of S3's."
  type        = string
  default     = null

  validation {
    condition     = var.source_kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.source_kms_key_arn))
    error_message = "source_kms_key_arn is the ARN of a key, not that of an alias."
  }
}

variable "prefix" {
  description = "What the event files lie below, such as `logs/`; empty for the whole bucket."
  type        = string
  default     = "logs/"
}

variable "checkpoint_key" {
  description = "Key of the one checkpoint of all events."
  type        = string
  default     = "checkpoints/events.parquet"

  validation {
    condition     = can(regex("^checkpoints/[^{}]+\\.parquet$", var.checkpoint_key))
    error_message = "checkpoint_key is below checkpoints/ and ends in .parquet."
  }
}

variable "checkpoint_key_template" {
  description = "Key of each checkpoint, with `{study}` and `{datatype}`; null for one checkpoint of all."
  type        = string
  default     = null

  validation {
    condition     = var.checkpoint_key_template == null || can(regex("^checkpoints/.*\\{study\\}.*\\{datatype\\}.*\\.parquet$", var.checkpoint_key_template))
    error_message = "checkpoint_key_template is below checkpoints/, has {study} and {datatype}, and ends in .parquet."
  }
}

variable "schedule" {
  description = "When new event files are read, in UTC."
  type        = string
  default     = "rate(1 hour)"
}

variable "schedule_enabled" {
  description = "Whether the schedule starts anything."
  type        = bool
  default     = true
}

variable "late_hours" {
  description = "Alarm when no run ended for so many hours; more than lie between two runs."
  type        = number
  default     = 24

  validation {
    condition     = var.late_hours >= 1 && var.late_hours <= 168 && floor(var.late_hours) == var.late_hours
    error_message = "late_hours is 1 to 168, which is a week."
  }
}

variable "look_back_days" {
  description = "List only files of the last days; null to list all, which loses nothing whatever its name."
  type        = number
  default     = null
}

variable "archive_days" {
  description = "After how many days event files move to Glacier Instant Retrieval, in a bucket that is made here; null for never. S3 leaves files below 128 KB where they are."
  type        = number
  default     = null
}

variable "backfill_concurrency" {
  description = "How many functions of a backfill run at once; it stays below what the account has to spare."
  type        = number
  default     = 40

  validation {
    condition     = var.backfill_concurrency >= 1 && var.backfill_concurrency <= 1000
    error_message = "backfill_concurrency is 1 to 1000."
  }
}

variable "max_refused_share" {
  description = "Alarm above this share of refused event files, in percent of those that are new."
  type        = number
  default     = 5

  validation {
    condition     = var.max_refused_share >= 0 && var.max_refused_share < 100
    error_message = "max_refused_share is 0 to 99: more than 100 % are never refused."
  }
}

variable "memory_mb" {
  description = "Memory of functions, over that of `lambda/functions.json`, by function."
  type        = map(number)
  default     = {}
}

variable "log_level" {
  description = "From which level on functions log."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], var.log_level)
    error_message = "log_level is DEBUG, INFO, WARNING, ERROR or CRITICAL."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 30
}

variable "alarm_email_addresses" {
  description = "Who is told of failures and alarms by mail."
  type        = set(string)
  default     = []
}

variable "dashboard" {
  description = "Whether there is a dashboard; beyond the third of an account it costs 3 dollars a month."
  type        = bool
  default     = true
}

variable "live_versions" {
  description = "Published versions that callers use, by function; the deployed ones where none is named. Set them to go back."
  type        = map(string)
  default     = {}
}

variable "reuse_existing_layers" {
  description = "Take the newest version of each layer that is in the account."
  type        = bool
  default     = false
}

variable "use_external_layer_arns" {
  description = "Take the layers of `external_layer_arns`."
  type        = bool
  default     = false
}

variable "external_layer_arns" {
  description = "ARN of a layer version by the layer's name: powertools, data_processing."
  type        = map(string)
  default     = {}
}

variable "force_layer_update" {
  description = "Publish layers anew although nothing changed, whenever this is another text."
  type        = string
  default     = ""
}

variable "packages" {
  description = "Folder of the packages, where Pants puts them."
  type        = string
  default     = null
}

variable "deletable" {
  description = "Let `destroy` delete buckets that hold something. Never in production."
  type        = bool
  default     = false

  validation {
    condition     = !(var.deletable && var.environment == "prod")
    error_message = "Production is not deletable: its buckets are emptied by hand, if at all."
  }
}

variable "permissions_boundary_arn" {
  description = "Policy beyond which no role of the stack can go; null for none. The roles of GitHub make no role without that of `github_oidc`."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[^:]+:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn is the ARN of a policy."
  }
}
