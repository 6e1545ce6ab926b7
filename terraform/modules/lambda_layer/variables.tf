variable "name" {
  description = "Name of the layer, the architecture left out."
  type        = string
}

variable "architecture" {
  description = "For which the packages in it were built."
  type        = string

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture is x86_64 or arm64."
  }
}

variable "package" {
  description = "Path of the zip; not needed where the layer is reused or external."
  type        = string
  default     = null
}

variable "bucket" {
  description = "Bucket by which the zip is brought in: Lambda takes no more than 50 MB any other way."
  type        = string
}

variable "external_arn" {
  description = "ARN of a layer version that is taken as it is; nothing is made."
  type        = string
  default     = null

  validation {
    condition     = var.external_arn == null || can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:layer:[^:]+:[0-9]+$", var.external_arn))
    error_message = "external_arn is the ARN of a layer version, which ends in its number."
  }
}

variable "reuse_existing" {
  description = "Take the newest version of the layer that is in the account; nothing is made."
  type        = bool
  default     = false
}

variable "force_update" {
  description = "Publish a new version although the content has not changed, whenever this is another text."
  type        = string
  default     = ""
}
