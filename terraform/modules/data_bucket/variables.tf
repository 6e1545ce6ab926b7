variable "name" {
  description = "Name of the bucket, which is unique over all accounts."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket's name is 3 to 63 lower-case letters, digits, . and -, and begins and ends with a letter or digit."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the objects."
  type        = string
}

variable "expiry_days" {
  description = "After how many days objects go, by prefix, which ends in `/`. What no prefix covers stays for good."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for prefix, days in var.expiry_days : endswith(prefix, "/") && days >= 1])
    error_message = "A prefix of expiry_days ends in /, and its days are 1 or more."
  }
}

variable "archive_days" {
  description = "After how many days objects move to Glacier Instant Retrieval, by prefix, which ends in `/`; empty for all. S3 leaves those below 128 KB where they are."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for prefix, days in var.archive_days : (prefix == "" || endswith(prefix, "/")) && days >= 0])
    error_message = "A prefix of archive_days is empty or ends in /, and its days are 0 or more."
  }
}

variable "noncurrent_days" {
  description = "How long an overwritten or deleted version can be had back, in days."
  type        = number
  default     = 90

  validation {
    condition     = var.noncurrent_days >= 1
    error_message = "noncurrent_days is 1 or more."
  }
}

variable "delete_with_content" {
  description = "Let `destroy` delete a bucket that still holds something. Never in production."
  type        = bool
  default     = false
}

variable "prevent_destroy" {
  description = "Have Terraform refuse whatever would delete the bucket or make it anew, as in production."
  type        = bool
  default     = false
}
